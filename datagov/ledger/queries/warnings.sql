-- title: What the run warned of.
SELECT warning FROM warnings
