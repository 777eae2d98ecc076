"""What edgepack needs from the machine, and looks up without running any of it."""
