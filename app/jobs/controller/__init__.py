"""What an installation sees to in its cluster: which pods go first, and an API that nothing serves."""
