"""What watches the platform: metrics and logs."""
