// The three services in every region, and Front Door where there are several.
param prefix string
param tags object
@description('The first one is the primary.')
param locations array
@description('One of sizes/*.json.')
param sizing object
param images object
@description('Outputs of modules/identities.bicep.')
param identityIds object
param clientIds object
param registryServer string

@description('For the placeholders of components/azure/*.yaml.')
param addresses object
param blobEndpoint string
param serviceBusName string
param createdTopic string
param deadTopic string
param classifiedTopic string
param classifierSubscription string
param querySubscription string
@description('For each region, its Vision accounts\' endpoints.')
param visionEndpoints array
param workspaceId string
param insightsConnectionString string

@description('A subnet for each service. Empty: no network of ours.')
param subnetIds object
param privateNetwork bool
param resiliency bool

@description('Azure AI Search. Empty: none.')
param searchEndpoint string
@description('Empty where Entra signs people in.')
param apiKeysUrl string
param entraClientId string
param ingestHostname string
param queryHostname string
param certificatesReady bool

var severalRegions = length(locations) > 1
var queryLocations = empty(searchEndpoint) ? [ locations[0] ] : locations
var ingestName = 'ingest-${prefix}'
var queryName = 'query-${prefix}'

module frontDoor 'modules/front-door.bicep' = if (severalRegions) {
  name: 'front-door'
  params: {
    prefix: prefix
    tags: tags
  }
}

module ingestHosting 'modules/hosting.bicep' = [for (place, i) in locations: {
  name: 'ingest-hosting-${i}'
  params: {
    service: 'ingest'
    name: 'cae-ingest-${prefix}-${i}'
    location: place
    tags: tags
    workspaceId: workspaceId
    insightsConnectionString: insightsConnectionString
    subnetId: privateNetwork ? subnetIds.ingest : ''
    clientId: clientIds.ingest
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
    workspaceId: workspaceId
    insightsConnectionString: insightsConnectionString
    subnetId: privateNetwork ? subnetIds.classifier : ''
    clientId: clientIds.classifier
    addresses: addresses
    handlers: sizing.classifier.handlers
    resiliency: resiliency
  }
}]

module queryHosting 'modules/hosting.bicep' = [for (place, i) in queryLocations: {
  name: 'query-hosting-${i}'
  params: {
    service: 'query'
    name: 'cae-query-${prefix}-${i}'
    location: place
    tags: tags
    workspaceId: workspaceId
    insightsConnectionString: insightsConnectionString
    subnetId: privateNetwork ? subnetIds.query : ''
    clientId: clientIds.query
    addresses: addresses
    handlers: sizing.classifier.handlers
    resiliency: resiliency
  }
}]

var ingestHost = '${ingestName}-0.${ingestHosting[0].outputs.defaultDomain}'
var queryHost = '${queryName}-0.${queryHosting[0].outputs.defaultDomain}'
var ingestUrl = 'https://${severalRegions ? frontDoor.outputs.ingestHost : empty(ingestHostname) ? ingestHost : ingestHostname}'
var queryUrl = 'https://${severalRegions ? frontDoor.outputs.queryHost : empty(queryHostname) ? queryHost : queryHostname}'

module ingest 'ingest.bicep' = [for (place, i) in locations: {
  name: 'ingest-${i}'
  params: {
    name: '${ingestName}-${i}'
    location: place
    tags: tags
    primary: i == 0
    environmentId: ingestHosting[i].outputs.environmentId
    environmentName: ingestHosting[i].outputs.environmentName
    identityId: identityIds.ingest
    pullIdentityId: identityIds.pull
    registryServer: registryServer
    image: images.ingest
    sizing: sizing.ingest
    apiKeysUrl: apiKeysUrl
    queryUrl: queryUrl
    hostname: ingestHostname
    certificatesReady: certificatesReady
    entraClientId: entraClientId
    behindFrontDoor: severalRegions
  }
}]

module classifier 'classifier.bicep' = [for (place, i) in locations: {
  name: 'classifier-${i}'
  params: {
    name: 'classifier-${prefix}-${i}'
    location: place
    tags: tags
    primary: i == 0
    environmentId: classifierHosting[i].outputs.environmentId
    environmentName: classifierHosting[i].outputs.environmentName
    identityId: identityIds.classifier
    clientId: clientIds.classifier
    pullIdentityId: identityIds.pull
    scalerIdentityId: identityIds.scaler
    registryServer: registryServer
    image: images.classifier
    sizing: sizing.classifier
    visionCallsPerMinute: sizing.vision.accounts * sizing.vision.callsPerMinute
    visionEndpoints: visionEndpoints[i]
    blobEndpoint: blobEndpoint
    serviceBusName: serviceBusName
    createdTopic: createdTopic
    deadTopic: deadTopic
    subscription: classifierSubscription
    privateNetwork: privateNetwork
  }
}]

module query 'query.bicep' = [for (place, i) in queryLocations: {
  name: 'query-${i}'
  params: {
    name: '${queryName}-${i}'
    location: place
    tags: tags
    primary: i == 0
    environmentId: queryHosting[i].outputs.environmentId
    environmentName: queryHosting[i].outputs.environmentName
    identityId: identityIds.query
    clientId: clientIds.query
    pullIdentityId: identityIds.pull
    scalerIdentityId: identityIds.scaler
    registryServer: registryServer
    image: images.query
    sizing: sizing.query
    handlers: sizing.classifier.handlers
    serviceBusName: serviceBusName
    createdTopic: createdTopic
    classifiedTopic: classifiedTopic
    subscription: querySubscription
    apiKeysUrl: apiKeysUrl
    searchEndpoint: searchEndpoint
    publicUrl: queryUrl
    ingestUrl: ingestUrl
    hostname: queryHostname
    certificatesReady: certificatesReady
    entraClientId: entraClientId
    behindFrontDoor: severalRegions
  }
}]

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
    hosts: [for (place, i) in queryLocations: '${queryName}-${i}.${queryHosting[i].outputs.defaultDomain}']
  }
}

output ingestUrl string = ingestUrl
output queryUrl string = queryUrl
output ingestAppId string = ingest[0].outputs.appId
output queryAppId string = query[0].outputs.appId
