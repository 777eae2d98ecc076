"""What ends up in Android apps: bundles among the assets, runtimes among the dependencies."""
