// The classifier in one region. It has no callers: messages wake it.
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
@description('The part `classifier` of sizes/*.json.')
param sizing object
@description('Vision calls a minute that this region may make, all accounts together.')
param visionCallsPerMinute int
param visionEndpoints array
param blobEndpoint string
param serviceBusName string
param createdTopic string
param deadTopic string
param subscription string
param privateNetwork bool

// More replicas than Vision answers would only collect refusals.
var maxReplicas = max(1, visionCallsPerMinute / sizing.callsPerMinute)
// For each handler a message in hand and one that waits (docs/decisions/0022).
var messagesPerReplica = 2 * sizing.handlers

module app 'modules/app.bicep' = {
  name: name
  params: {
    name: name
    location: location
    tags: tags
    service: 'classifier'
    deployedByAzd: primary
    environmentId: environmentId
    identityId: identityId
    platformIdentityIds: [ pullIdentityId, scalerIdentityId ]
    registryServer: registryServer
    pullIdentityId: pullIdentityId
    image: image
    port: 8002
    cpu: sizing.cpu
    memory: sizing.memory
    secrets: []
    env: [
      { name: 'CLAIMLENS_HOST', value: '0.0.0.0' }
      { name: 'CLAIMLENS_PORT', value: '8002' }
      { name: 'CLAIMLENS_LOG_FORMAT', value: 'json' }
      // Service Bus delivers concurrently by itself.
      { name: 'CLAIMLENS_LANES', value: '1' }
      // Presigning takes an account key; and Vision cannot reach a private account.
      { name: 'CLAIMLENS_IMAGE_LINK', value: privateNetwork ? 'bytes' : 'user_delegation' }
      { name: 'CLAIMLENS_STORAGE_ACCOUNT_URL', value: blobEndpoint }
      // Without keys: the identity is asked.
      { name: 'CLAIMLENS_VISION_ACCOUNTS', value: string(map(visionEndpoints, endpoint => { endpoint: endpoint })) }
      // This replica's share of each account.
      { name: 'CLAIMLENS_VISION_CALLS_PER_S', value: sizing.callsPerSecondAndAccount }
      // Which of the app's identities the Azure SDK asks for.
      { name: 'AZURE_CLIENT_ID', value: clientId }
    ]
    ingress: false
    hostname: ''
    certificateName: ''
    environmentName: environmentName
    minReplicas: sizing.minReplicas
    maxReplicas: maxReplicas
    scaleRules: [
      {
        name: 'backlog'
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
        // Dead letters alone must wake it too, or their records stay `received`.
        name: 'dead-letters'
        custom: {
          type: 'azure-servicebus'
          identity: scalerIdentityId
          metadata: {
            namespace: serviceBusName
            topicName: deadTopic
            subscriptionName: subscription
            messageCount: string(messagesPerReplica)
          }
        }
      }
    ]
    // A Vision call may take 20 s, retries included.
    graceSeconds: 60
  }
}

output maxReplicas int = maxReplicas
