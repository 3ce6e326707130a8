//! Prints the tree.
