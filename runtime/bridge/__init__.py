"""What every Kafka client needs to stand behind the broker port: threads, bounds, words."""
