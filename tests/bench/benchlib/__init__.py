"""What make bench consists of; run.py is its front."""
