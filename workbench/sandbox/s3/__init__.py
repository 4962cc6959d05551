"""The S3 peer: buckets behind a port that checks signatures."""
