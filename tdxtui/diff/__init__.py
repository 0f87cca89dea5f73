"""What differs between two modules, two vCPU models, two CPUs' CPUID, or a model and a CPUID dump."""
