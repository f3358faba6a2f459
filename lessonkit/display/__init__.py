"""What is shown: figures with alternative text, and the widgets that all labs share."""
