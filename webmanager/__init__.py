"""The web side: the HTTP API now, the web manager later."""
