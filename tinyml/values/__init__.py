"""The values that stages hand on after the plan: goal, project, image, job to flash, run."""
