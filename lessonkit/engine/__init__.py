"""What makes it fast: masked networks evaluated and differentiated in numpy."""
