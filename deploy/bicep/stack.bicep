// Everything in the resource group: what the regions share, then each region, then what watches them.
param environmentName string
param location string
param tags object
param size string
param furtherLocations array
param privateNetwork bool
param search bool
param resiliency bool
@secure()
param apiKeys string
param entraClientId string
param ingestHostname string
param queryHostname string
param certificatesReady bool
param alertEmail string
param monthlyBudget int
param budgetStart string
param images object

var sizes = {
  trial: loadJsonContent('sizes/trial.json')
  small: loadJsonContent('sizes/small.json')
  medium: loadJsonContent('sizes/medium.json')
  large: loadJsonContent('sizes/large.json')
}
var sizing = any(sizes[size])
var locations = concat([ location ], furtherLocations)
var severalRegions = length(furtherLocations) > 0

// Names: what is unique in Azure ends with a token, and the shortest limit (a vault's) is 24 characters.
var short = take(replace(toLower(environmentName), '-', ''), 8)
var token = uniqueString(subscription().id, resourceGroup().id)
var prefix = take(replace(toLower(environmentName), '-', ''), 12)

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    prefix: prefix
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    prefix: prefix
    location: location
    tags: tags
    retentionDays: sizing.logRetentionDays
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'clm${short}${token}'
    location: location
    tags: tags
    sku: severalRegions ? 'Standard_GZRS' : sizing.storageSku
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module serviceBus 'modules/service-bus.bicep' = {
  name: 'service-bus'
  params: {
    name: 'sb-${short}-${token}'
    location: location
    tags: tags
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module eventGrid 'modules/event-grid.bicep' = {
  name: 'event-grid'
  // Their role assignments, not just their ids.
  dependsOn: [ storage, serviceBus ]
  params: {
    name: 'evgt-${prefix}'
    location: location
    tags: tags
    storageAccountId: storage.outputs.id
    imagesContainer: storage.outputs.imagesContainer
    deadLettersContainer: storage.outputs.deadLettersContainer
    topicId: serviceBus.outputs.createdTopicId
    identityId: identities.outputs.ids.eventGrid
    workspaceId: monitoring.outputs.workspaceId
  }
}

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  params: {
    name: 'cosmos-${short}-${token}'
    tags: tags
    locations: locations
    serverless: sizing.cosmos.serverless
    autoscaleMaxRu: sizing.cosmos.autoscaleMaxRu
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    name: 'acr${short}${token}'
    location: location
    tags: tags
    sku: sizing.registrySku
    principals: identities.outputs.principals
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${take(short, 7)}-${token}'
    location: location
    tags: tags
    apiKeys: apiKeys
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module searchService 'modules/search.bicep' = if (search) {
  name: 'search'
  params: {
    name: 'srch-${short}-${token}'
    location: location
    tags: tags
    sku: sizing.searchSku
    partitions: sizing.searchPartitions
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    prefix: prefix
    location: location
    tags: tags
  }
}

module vision 'modules/vision.bicep' = [for (place, i) in locations: {
  name: 'vision-${i}'
  params: {
    prefix: 'vision-${short}-${token}-${i}'
    location: place
    tags: tags
    sku: sizing.vision.sku
    count: sizing.vision.accounts
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}]

module endpoints 'private.bicep' = if (privateNetwork) {
  name: 'private-endpoints'
  params: {
    prefix: prefix
    location: location
    tags: tags
    networkId: privateNetwork ? network.outputs.id : ''
    subnetId: privateNetwork ? network.outputs.endpointSubnetId : ''
    storageId: storage.outputs.id
    serviceBusId: serviceBus.outputs.id
    cosmosId: cosmos.outputs.id
    vaultId: vault.outputs.id
    visionIds: vision[0].outputs.ids
    searchId: search ? searchService.outputs.id : ''
  }
}

module apps 'apps.bicep' = {
  name: 'apps'
  // What the apps' sidecars look for when they start.
  dependsOn: [ eventGrid, endpoints ]
  params: {
    prefix: prefix
    tags: tags
    locations: locations
    sizing: sizing
    images: images
    identityIds: identities.outputs.ids
    clientIds: identities.outputs.clientIds
    registryServer: registry.outputs.server
    addresses: {
      storageAccount: storage.outputs.name
      serviceBusHost: serviceBus.outputs.host
      cosmosEndpoint: cosmos.outputs.endpoint
      cosmosDatabase: cosmos.outputs.database
      cosmosContainer: cosmos.outputs.container
      vaultName: vault.outputs.name
    }
    blobEndpoint: storage.outputs.blobEndpoint
    serviceBusName: serviceBus.outputs.name
    createdTopic: serviceBus.outputs.createdTopic
    deadTopic: serviceBus.outputs.deadTopic
    classifiedTopic: serviceBus.outputs.classifiedTopic
    classifierSubscription: serviceBus.outputs.classifierSubscription
    querySubscription: serviceBus.outputs.querySubscription
    visionEndpoints: [for (place, i) in locations: vision[i].outputs.endpoints]
    workspaceId: monitoring.outputs.workspaceId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetIds: privateNetwork ? network.outputs.appSubnetIds : {}
    privateNetwork: privateNetwork
    resiliency: resiliency
    searchEndpoint: search ? searchService.outputs.endpoint : ''
    apiKeysUrl: vault.outputs.apiKeysUrl
    entraClientId: entraClientId
    ingestHostname: ingestHostname
    queryHostname: queryHostname
    certificatesReady: certificatesReady
  }
}

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  name: 'alerts'
  params: {
    prefix: prefix
    tags: tags
    email: alertEmail
    serviceBusId: serviceBus.outputs.id
    eventGridId: eventGrid.outputs.id
    visionIds: vision[0].outputs.ids
    ingestAppId: apps.outputs.ingestAppId
    queryAppId: apps.outputs.queryAppId
    backlogLimit: 15 * sizing.vision.accounts * sizing.vision.callsPerMinute
  }
}

module budget 'modules/budget.bicep' = if (!empty(alertEmail)) {
  name: 'budget'
  params: {
    name: 'budget-${prefix}'
    email: alertEmail
    amount: monthlyBudget
    start: budgetStart
  }
}

output registryServer string = registry.outputs.server
output ingestUrl string = apps.outputs.ingestUrl
output queryUrl string = apps.outputs.queryUrl
output storageAccount string = storage.outputs.name
output serviceBusNamespace string = serviceBus.outputs.name
