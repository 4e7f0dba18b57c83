"""From event to status: what to look at again, and bringing it about."""
