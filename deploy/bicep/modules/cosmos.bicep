// Records and claims, by key.
import { cosmosRoleIds } from '../role-ids.bicep'

param name string
param tags object
@description('The first one takes the writes.')
param locations array
param serverless bool
param autoscaleMaxRu int
param principals object
param workspaceId string
param privateNetwork bool

var databaseName = 'claimlens'
var containerName = 'records'

var recordsGrants = [
  { who: 'ingest', role: 'dataContributor' }
  { who: 'classifier', role: 'dataContributor' }
  { who: 'query', role: 'dataReader' }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: locations[0]
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    // Query reads a record that the classifier has just written: Session holds within one client only.
    consistencyPolicy: {
      defaultConsistencyLevel: 'BoundedStaleness'
      maxIntervalInSeconds: 300
      maxStalenessPrefix: 100000
    }
    enableAutomaticFailover: length(locations) > 1
    capabilities: serverless ? [ { name: 'EnableServerless' } ] : []
    locations: [for (place, i) in locations: {
      locationName: place
      failoverPriority: i
      isZoneRedundant: false
    }]
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: databaseName
  properties: {
    resource: { id: databaseName }
  }
}

resource records 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = {
  parent: database
  name: containerName
  properties: {
    resource: {
      id: containerName
      // Dapr's.
      partitionKey: {
        kind: 'Hash'
        paths: [ '/partitionKey' ]
      }
      // Nothing expires but what says so itself: claims do.
      defaultTtl: -1
      // Nothing is looked up but by key; every indexed path costs request units at each write.
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        includedPaths: []
        excludedPaths: [ { path: '/*' } ]
      }
    }
    options: serverless ? {} : { autoscaleSettings: { maxThroughput: autoscaleMaxRu } }
  }
}

// One after the other: the account refuses a change while it makes another.
@batchSize(1)
resource recordsAccess 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = [for grant in recordsGrants: {
  parent: account
  name: guid(records.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${cosmosRoleIds[grant.role]}'
    scope: '${account.id}/dbs/${database.name}/colls/${records.name}'
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { category: 'ControlPlaneRequests', enabled: true } ]
    metrics: [ { category: 'Requests', enabled: true } ]
  }
}

output id string = account.id
output endpoint string = account.properties.documentEndpoint
output database string = database.name
output container string = records.name
