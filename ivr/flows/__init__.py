"""What callers and subscribers hear and press, as plain coroutines over a Call."""
