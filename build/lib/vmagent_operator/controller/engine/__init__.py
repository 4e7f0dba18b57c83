"""What every controller is made of: stores, mapping, queue and workers, results, events, metrics; knows no kind's steps."""
