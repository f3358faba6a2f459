"""What is pruned: the images, LeNet-5, MLPNet, and their weights."""
