// claimlens on Azure Container Apps: the resource group, and everything in it (stack.bicep).
// docs/deploy-azure.md explains the parameters; deploy/preflight.py checks them before anything is created.
targetScope = 'subscription'

@minLength(2)
@maxLength(20)
@description('Names the deployment; part of every resource name.')
param environmentName string

@description('Region of everything but the further regions.')
param location string

@allowed([ 'trial', 'small', 'medium', 'large' ])
@description('Pictures a month: under 1,000, 5,000, 500,000 or 50,000,000. The numbers are in sizes/*.json.')
param size string = 'small'

@description('Further regions, where ingest and classifier run too, behind Front Door.')
param furtherLocations array = []

@description('Reach storage, Service Bus, Cosmos DB, Vision and the vault through private endpoints only.')
param privateNetwork bool = false

@description('Create Azure AI Search and let query use it.')
param search bool = false

@description('The preview resource type that carries components/azure/resiliency.yaml.')
param resiliency bool = true

@secure()
@description('Who may call: name:role:key, separated by commas. Empty where Entra signs people in.')
param apiKeys string = ''

@description('Client id of the app registration that signs people in. Empty: API keys.')
param entraClientId string = ''

@description('Host name of ingest, and of query, with a CNAME to the app. Empty: Azure\'s own.')
param ingestHostname string = ''
param queryHostname string = ''

@description('True once the two host names are added and point here: certificates can be issued then.')
param certificatesReady bool = false

@description('Gets alerts and budget warnings. Empty: neither is created.')
param alertEmail string = ''

@description('Monthly budget in the subscription\'s currency.')
param monthlyBudget int = 150

@description('First day of a month, as 2026-01-01.')
param budgetStart string = ''

@description('Images of the three services. Empty: a placeholder, before anything was pushed.')
param ingestImage string = ''
param classifierImage string = ''
param queryImage string = ''

var tags = {
  'azd-env-name': environmentName
  application: 'claimlens'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-claimlens-${environmentName}'
  location: location
  tags: tags
}

module stack 'stack.bicep' = {
  name: 'stack'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    size: size
    furtherLocations: furtherLocations
    privateNetwork: privateNetwork
    search: search
    resiliency: resiliency
    apiKeys: apiKeys
    entraClientId: entraClientId
    ingestHostname: ingestHostname
    queryHostname: queryHostname
    certificatesReady: certificatesReady
    alertEmail: alertEmail
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
    images: {
      ingest: ingestImage
      classifier: classifierImage
      query: queryImage
    }
  }
}

// azd keeps outputs in its environment; the first three are names that it knows.
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = stack.outputs.registryServer
output CLAIMLENS_INGEST_URL string = stack.outputs.ingestUrl
output CLAIMLENS_QUERY_URL string = stack.outputs.queryUrl
output CLAIMLENS_STORAGE_ACCOUNT string = stack.outputs.storageAccount
output CLAIMLENS_SERVICE_BUS string = stack.outputs.serviceBusNamespace
