"""What changes a text: each edit returns the new texts and, document by document, what it did."""
