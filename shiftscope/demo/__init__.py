"""A small zoo of weights that this project trained, and the pictures that go with it."""
