"""The cold tier: immutable objects in a folder, in memory or in an S3 bucket."""
