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
  small: loadJsonContent('sizes/small.json')
  medium: loadJsonContent('sizes/medium.json')
  large: loadJsonContent('sizes/large.json')
}
var sizing = sizes[size]
var locations = concat([ location ], furtherLocations)
var severalRegions = length(furtherLocations) > 0

// Names: what is unique in Azure ends with a token, and the shortest limit (a vault's) is 24 characters.
var short = take(replace(toLower(environmentName), '-', ''), 8)
var token = uniqueString(subscription().id, resourceGroup().id)
var prefix = take(replace(toLower(environmentName), '-', ''), 12)
var ingestName = 'ingest-${prefix}'
var queryName = 'query-${prefix}'

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
    principals: identities.outputs.principals
    workspaceId: monitoring.outputs.workspaceId
    privateNetwork: privateNetwork
  }
}

module frontDoor 'modules/front-door.bicep' = if (severalRegions) {
  name: 'front-door'
  params: {
    prefix: prefix
    tags: tags
  }
}

var addresses = {
  storageAccount: storage.outputs.name
  serviceBusHost: serviceBus.outputs.host
  cosmosEndpoint: cosmos.outputs.endpoint
  cosmosDatabase: cosmos.outputs.database
  cosmosContainer: cosmos.outputs.container
  vaultName: vault.outputs.name
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

module ingestHosting 'modules/hosting.bicep' = [for (place, i) in locations: {
  name: 'ingest-hosting-${i}'
  params: {
    service: 'ingest'
    name: 'cae-ingest-${prefix}-${i}'
    location: place
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: privateNetwork ? network.outputs.ingestSubnetId : ''
    clientId: identities.outputs.clientIds.ingest
    addresses: addresses
    handlers: sizing.classifier.handlers
    resiliency: resiliency
  }
}]

module classifierHosting 'modules/hosting.bicep' = [for (place, i) in locations: {
  name: 'classifier-hosting-${i}'
  params: {
    service: 'classifier'
    name: 'cae-classifier-${prefix}-${i}'
    location: place
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: privateNetwork ? network.outputs.classifierSubnetId : ''
    clientId: identities.outputs.clientIds.classifier
    addresses: addresses
    handlers: sizing.classifier.handlers
    resiliency: resiliency
  }
}]

module queryHosting 'modules/hosting.bicep' = {
  name: 'query-hosting'
  params: {
    service: 'query'
    name: 'cae-query-${prefix}-0'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: privateNetwork ? network.outputs.querySubnetId : ''
    clientId: identities.outputs.clientIds.query
    addresses: addresses
    handlers: sizing.classifier.handlers
    resiliency: resiliency
  }
}

var ingestHost = '${ingestName}-0.${ingestHosting[0].outputs.defaultDomain}'
var queryHost = '${queryName}.${queryHosting.outputs.defaultDomain}'
var ingestUrl = 'https://${severalRegions ? frontDoor.outputs.ingestHost : empty(ingestHostname) ? ingestHost : ingestHostname}'
var queryUrl = 'https://${severalRegions ? frontDoor.outputs.queryHost : empty(queryHostname) ? queryHost : queryHostname}'

module ingest 'ingest.bicep' = [for (place, i) in locations: {
  name: 'ingest-${i}'
  dependsOn: [ eventGrid, endpoints ]
  params: {
    name: '${ingestName}-${i}'
    location: place
    tags: tags
    primary: i == 0
    environmentId: ingestHosting[i].outputs.environmentId
    environmentName: ingestHosting[i].outputs.environmentName
    identityId: identities.outputs.ids.ingest
    pullIdentityId: identities.outputs.ids.pull
    registryServer: registry.outputs.server
    image: images.ingest
    sizing: sizing.ingest
    apiKeysUrl: vault.outputs.apiKeysUrl
    queryUrl: queryUrl
    hostname: ingestHostname
    certificatesReady: certificatesReady
    entraClientId: entraClientId
    behindFrontDoor: severalRegions
  }
}]

module classifier 'classifier.bicep' = [for (place, i) in locations: {
  name: 'classifier-${i}'
  dependsOn: [ eventGrid, endpoints ]
  params: {
    name: 'classifier-${prefix}-${i}'
    location: place
    tags: tags
    primary: i == 0
    environmentId: classifierHosting[i].outputs.environmentId
    environmentName: classifierHosting[i].outputs.environmentName
    identityId: identities.outputs.ids.classifier
    clientId: identities.outputs.clientIds.classifier
    pullIdentityId: identities.outputs.ids.pull
    scalerIdentityId: identities.outputs.ids.scaler
    registryServer: registry.outputs.server
    image: images.classifier
    sizing: sizing.classifier
    visionCallsPerMinute: sizing.vision.accounts * sizing.vision.callsPerMinute
    visionEndpoints: vision[i].outputs.endpoints
    blobEndpoint: storage.outputs.blobEndpoint
    serviceBusName: serviceBus.outputs.name
    createdTopic: serviceBus.outputs.createdTopic
    deadTopic: serviceBus.outputs.deadTopic
    subscription: serviceBus.outputs.classifierSubscription
    privateNetwork: privateNetwork
  }
}]

module query 'query.bicep' = {
  name: 'query'
  dependsOn: [ eventGrid, endpoints ]
  params: {
    name: queryName
    location: location
    tags: tags
    environmentId: queryHosting.outputs.environmentId
    environmentName: queryHosting.outputs.environmentName
    identityId: identities.outputs.ids.query
    pullIdentityId: identities.outputs.ids.pull
    registryServer: registry.outputs.server
    image: images.query
    sizing: sizing.query
    apiKeysUrl: vault.outputs.apiKeysUrl
    publicUrl: queryUrl
    ingestUrl: ingestUrl
    hostname: queryHostname
    certificatesReady: certificatesReady
    entraClientId: entraClientId
    behindFrontDoor: severalRegions
  }
}

module ingestRoute 'modules/front-door-route.bicep' = if (severalRegions) {
  name: 'front-door-ingest'
  // The apps, not just their names.
  dependsOn: [ ingest ]
  params: {
    profileName: frontDoor.outputs.profileName
    endpointName: frontDoor.outputs.ingestEndpoint
    name: 'ingest'
    hosts: [for (place, i) in locations: '${ingestName}-${i}.${ingestHosting[i].outputs.defaultDomain}']
  }
}

module queryRoute 'modules/front-door-route.bicep' = if (severalRegions) {
  name: 'front-door-query'
  dependsOn: [ query ]
  params: {
    profileName: frontDoor.outputs.profileName
    endpointName: frontDoor.outputs.queryEndpoint
    name: 'query'
    hosts: [ queryHost ]
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
    ingestAppId: ingest[0].outputs.appId
    queryAppId: query.outputs.appId
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
output ingestUrl string = ingestUrl
output queryUrl string = queryUrl
output storageAccount string = storage.outputs.name
output serviceBusNamespace string = serviceBus.outputs.name
