"""What stands around the pods: Service, self scrape, rights, policies, the configuration Secret."""
