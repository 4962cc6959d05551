"""Long runs against peers that fail at random; the suite runs a sample of each."""
