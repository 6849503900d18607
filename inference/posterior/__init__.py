"""Posteriors over programs: what they can tell, how exact ones are found, how well programs explain data."""
