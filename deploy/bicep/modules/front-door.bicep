// The public address of both APIs where there are several regions. Origins come when the apps are there.
param prefix string
param tags object

resource profile 'Microsoft.Cdn/profiles@2025-06-01' = {
  name: 'afd-${prefix}'
  location: 'global'
  tags: tags
  sku: { name: 'Standard_AzureFrontDoor' }
  properties: {
    // An upload of 20 MB over a slow line, and query's stream of events.
    originResponseTimeoutSeconds: 240
  }
}

resource ingest 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' = {
  parent: profile
  name: 'ingest-${prefix}'
  location: 'global'
  tags: tags
  properties: { enabledState: 'Enabled' }
}

resource query 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' = {
  parent: profile
  name: 'query-${prefix}'
  location: 'global'
  tags: tags
  properties: { enabledState: 'Enabled' }
}

output profileName string = profile.name
output ingestEndpoint string = ingest.name
output queryEndpoint string = query.name
output ingestHost string = ingest.properties.hostName
output queryHost string = query.properties.hostName
