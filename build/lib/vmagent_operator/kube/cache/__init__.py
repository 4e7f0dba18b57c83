"""What the API server has, followed: lists and watches into stores."""
