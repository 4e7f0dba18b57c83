"""What `doctor` looks at: a check is a function from a patient to symptoms."""
