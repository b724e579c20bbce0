// Query in one region. Without Azure AI Search its index is its own, and so there is one replica in all
// (docs/decisions/0013).
param name string
param location string
param tags object
param primary bool
param environmentId string
param environmentName string
param identityId string
param clientId string
param pullIdentityId string
param scalerIdentityId string
param registryServer string
param image string
@description('The part `query` of sizes/*.json.')
param sizing object
@description('Messages that one replica\'s sidecar has in hand, of each subscription.')
param handlers int
param serviceBusName string
param createdTopic string
param classifiedTopic string
@description('Its subscriptions have the same name on both topics.')
param subscription string
@description('Empty where Entra signs people in.')
param apiKeysUrl string
@description('Azure AI Search. Empty: an index of its own.')
param searchEndpoint string
param publicUrl string
param ingestUrl string
param hostname string
param certificatesReady bool
param entraClientId string
param behindFrontDoor bool

var sharesIndex = !empty(searchEndpoint)
// As in classifier.bicep.
var messagesPerReplica = 2 * handlers
// Both feed the index. Where there is one replica in all there is nothing to scale.
var backlogs = sharesIndex ? [
  {
    name: 'created'
    custom: {
      type: 'azure-servicebus'
      identity: scalerIdentityId
      metadata: {
        namespace: serviceBusName
        topicName: createdTopic
        subscriptionName: subscription
        messageCount: string(messagesPerReplica)
      }
    }
  }
  {
    name: 'classified'
    custom: {
      type: 'azure-servicebus'
      identity: scalerIdentityId
      metadata: {
        namespace: serviceBusName
        topicName: classifiedTopic
        subscriptionName: subscription
        messageCount: string(messagesPerReplica)
      }
    }
  }
] : []
var hasKeys = !empty(apiKeysUrl)
var hasCertificate = certificatesReady && !empty(hostname)

module certificate 'modules/certificate.bicep' = if (hasCertificate) {
  name: '${name}-certificate'
  params: {
    environmentName: environmentName
    name: 'query'
    location: location
    hostname: hostname
  }
}

module app 'modules/app.bicep' = {
  name: name
  dependsOn: [ certificate ]
  params: {
    name: name
    location: location
    tags: tags
    service: 'query'
    deployedByAzd: primary
    environmentId: environmentId
    identityId: identityId
    platformIdentityIds: sharesIndex ? [ pullIdentityId, scalerIdentityId ] : [ pullIdentityId ]
    registryServer: registryServer
    pullIdentityId: pullIdentityId
    image: image
    port: 8003
    cpu: sizing.cpu
    memory: sizing.memory
    secrets: hasKeys ? [ { name: 'api-keys', keyVaultUrl: apiKeysUrl, identity: identityId } ] : []
    env: concat(
      [
        { name: 'CLAIMLENS_HOST', value: '0.0.0.0' }
        { name: 'CLAIMLENS_PORT', value: '8003' }
        { name: 'CLAIMLENS_LOG_FORMAT', value: 'json' }
        // Service Bus delivers concurrently by itself.
        { name: 'CLAIMLENS_LANES', value: '1' }
        { name: 'CLAIMLENS_DATA_DIR', value: '/data' }
        // Links would have to be presigned, which takes an account key.
        { name: 'CLAIMLENS_CONTENT_MODE', value: 'bytes' }
        { name: 'CLAIMLENS_INGEST_PUBLIC_URL', value: ingestUrl }
        { name: 'CLAIMLENS_PICTURE_ORIGINS', value: publicUrl }
      ],
      sharesIndex ? [
        { name: 'CLAIMLENS_SEARCH_ENGINE', value: 'azure' }
        { name: 'CLAIMLENS_SEARCH_ENDPOINT', value: searchEndpoint }
        // Which of the app's identities the Azure SDK asks for.
        { name: 'AZURE_CLIENT_ID', value: clientId }
      ] : [],
      // Keys and sign-in exclude each other: with both, the service would take Entra's token for a key.
      hasKeys ? [ { name: 'CLAIMLENS_API_KEYS', secretRef: 'api-keys' } ] : []
    )
    scratchPath: '/data'
    ingress: true
    hostname: hostname
    certificateName: hasCertificate ? 'query' : ''
    environmentName: environmentName
    minReplicas: sizing.minReplicas
    maxReplicas: sharesIndex ? sizing.maxReplicas : 1
    scaleRules: concat(
      [
        {
          name: 'requests'
          http: { metadata: { concurrentRequests: string(sizing.concurrentRequests) } }
        }
      ],
      backlogs
    )
    graceSeconds: 45
  }
}

module signIn 'modules/sign-in.bicep' = if (!empty(entraClientId)) {
  name: '${name}-sign-in'
  params: {
    appName: app.outputs.name
    clientId: entraClientId
    unauthenticated: 'RedirectToLoginPage'
    behindFrontDoor: behindFrontDoor
  }
}

output appId string = app.outputs.id
