// One identity for each service, and one for each thing that the platform does for them. Who may do what stands
// beside the resource that it is about, as `…Grants`.
param prefix string
param location string
param tags object

resource ingest 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-ingest'
  location: location
  tags: tags
}

resource classifier 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-classifier'
  location: location
  tags: tags
}

resource query 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-query'
  location: location
  tags: tags
}

// Delivers the storage account's events, and writes down those that it cannot deliver.
resource eventGrid 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-eventgrid'
  location: location
  tags: tags
}

// Fetches images. No container can use it.
resource pull 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-pull'
  location: location
  tags: tags
}

// Counts waiting messages. No container can use it.
resource scaler 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${prefix}-scaler'
  location: location
  tags: tags
}

output principals object = {
  ingest: ingest.properties.principalId
  classifier: classifier.properties.principalId
  query: query.properties.principalId
  eventGrid: eventGrid.properties.principalId
  pull: pull.properties.principalId
  scaler: scaler.properties.principalId
}

output clientIds object = {
  ingest: ingest.properties.clientId
  classifier: classifier.properties.clientId
  query: query.properties.clientId
}

output ids object = {
  ingest: ingest.id
  classifier: classifier.id
  query: query.id
  eventGrid: eventGrid.id
  pull: pull.id
  scaler: scaler.id
}
