"""What is wrong with a job, who is told of it, and in which words: the decisions, without I/O."""
