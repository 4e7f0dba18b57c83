"""What we generate, given to the real vmagent. All of it is marked `vmagent`."""
