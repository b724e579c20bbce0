using './main.bicep'

// Values come from azd's environment: `azd env set CLAIMLENS_SIZE medium`.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', '')
param location = readEnvironmentVariable('AZURE_LOCATION', '')
param size = readEnvironmentVariable('CLAIMLENS_SIZE', 'small')
param furtherLocations = empty(readEnvironmentVariable('CLAIMLENS_FURTHER_LOCATIONS', '')) ? [] : split(readEnvironmentVariable('CLAIMLENS_FURTHER_LOCATIONS', ''), ',')
param privateNetwork = bool(readEnvironmentVariable('CLAIMLENS_PRIVATE_NETWORK', 'false'))
param search = bool(readEnvironmentVariable('CLAIMLENS_SEARCH', 'false'))
param resiliency = bool(readEnvironmentVariable('CLAIMLENS_RESILIENCY', 'true'))
param apiKeys = readEnvironmentVariable('CLAIMLENS_API_KEYS', '')
param entraClientId = readEnvironmentVariable('CLAIMLENS_ENTRA_CLIENT_ID', '')
param ingestHostname = readEnvironmentVariable('CLAIMLENS_INGEST_HOSTNAME', '')
param queryHostname = readEnvironmentVariable('CLAIMLENS_QUERY_HOSTNAME', '')
param certificatesReady = bool(readEnvironmentVariable('CLAIMLENS_CERTIFICATES_READY', 'false'))
param alertEmail = readEnvironmentVariable('CLAIMLENS_ALERT_EMAIL', '')
param monthlyBudget = int(readEnvironmentVariable('CLAIMLENS_MONTHLY_BUDGET', '150'))
param budgetStart = readEnvironmentVariable('CLAIMLENS_BUDGET_START', '')

// azd sets these when it has pushed an image.
param ingestImage = readEnvironmentVariable('SERVICE_INGEST_IMAGE_NAME', '')
param classifierImage = readEnvironmentVariable('SERVICE_CLASSIFIER_IMAGE_NAME', '')
param queryImage = readEnvironmentVariable('SERVICE_QUERY_IMAGE_NAME', '')
