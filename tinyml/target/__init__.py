"""What a model is built for: boards, chips, cores, memory budgets, project templates."""
