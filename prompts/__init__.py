"""Everything voicebox says: phrases, recordings and the grammar of numbers, dates and times."""
