"""S3 and what speaks like it: the files of one bucket."""
