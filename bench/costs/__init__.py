"""What a month costs at each of the three sizes: quantities from the services' code and from Bicep, times prices."""
