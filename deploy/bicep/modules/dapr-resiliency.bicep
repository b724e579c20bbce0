// components/azure/resiliency.yaml as the resource type that Container Apps has for it; a preview.
param environmentName string

// `any`: the compiler would derive a type from the file, and its targets have not the same properties.
var file = any(loadYamlContent('../../../components/azure/resiliency.yaml'))
var targets = items(file.spec.targets.components)

func milliseconds(duration string) int => endsWith(duration, 'ms') ? int(replace(duration, 'ms', '')) : 1000 * int(replace(duration, 's', ''))

func timeoutPolicy(policies object, use object) object => contains(use, 'timeout') ? {
  timeoutPolicy: { responseTimeoutInSeconds: milliseconds(policies.timeouts[use.timeout]) / 1000 }
} : {}

func retryPolicy(policies object, use object) object => contains(use, 'retry') ? {
  httpRetryPolicy: {
    maxRetries: policies.retries[use.retry].maxRetries
    retryBackOff: {
      initialDelayInMilliseconds: milliseconds(policies.retries[use.retry].initialInterval)
      maxIntervalInMilliseconds: milliseconds(policies.retries[use.retry].maxInterval)
    }
  }
} : {}

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: environmentName
}

resource component 'Microsoft.App/managedEnvironments/daprComponents@2025-01-01' existing = [for target in targets: {
  parent: environment
  name: target.key
}]

resource policy 'Microsoft.App/managedEnvironments/daprComponents/resiliencyPolicies@2025-02-02-preview' = [for (target, i) in targets: {
  parent: component[i]
  name: file.metadata.name
  properties: union(
    contains(target.value, 'inbound') ? {
      inboundPolicy: union(timeoutPolicy(file.spec.policies, target.value.inbound), retryPolicy(file.spec.policies, target.value.inbound))
    } : {},
    contains(target.value, 'outbound') ? {
      outboundPolicy: union(timeoutPolicy(file.spec.policies, target.value.outbound), retryPolicy(file.spec.policies, target.value.outbound))
    } : {}
  )
}]
