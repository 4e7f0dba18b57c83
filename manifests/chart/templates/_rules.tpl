{{- /* written by `make manifests` */}}

{{- define "operator.rules.cluster" -}}
# Owners: the finalizer is a patch, the status a patch of its own.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents, vmsingles, vmclusters]
  verbs: [get, list, watch, patch]
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents/status, vmsingles/status, vmclusters/status]
  verbs: [patch]
# Children name their owner as one that waits for them.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents/finalizers, vmsingles/finalizers, vmclusters/finalizers]
  verbs: [update]
# Scrape objects are selected, and told what became of them.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmservicescrapes, vmpodscrapes, vmprobes, vmnodescrapes, vmstaticscrapes, vmscrapeconfigs]
  verbs: [get, list, watch]
- apiGroups: [operator.victoriametrics.com]
  resources:
  - vmservicescrapes/status
  - vmpodscrapes/status
  - vmprobes/status
  - vmnodescrapes/status
  - vmstaticscrapes/status
  - vmscrapeconfigs/status
  verbs: [update]
# An owner is scraped itself through an object of one of these kinds.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmservicescrapes, vmpodscrapes]
  verbs: [create, patch, delete]
# Prometheus objects, where there are such, become scrape objects of the same name.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, podmonitors, probes, scrapeconfigs]
  verbs: [list, watch]
- apiGroups: [operator.victoriametrics.com]
  resources: [vmprobes, vmscrapeconfigs]
  verbs: [create, patch]
# Children. Secrets and ConfigMaps are also read where an owner or scrape object names them, which may be in any
# namespace and under any name; install manifests/namespaced where that is too much.
- apiGroups: [""]
  resources: [secrets, configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings, clusterroles, clusterrolebindings]
  verbs: [get, list, watch, create, patch, delete]
# Roll-outs of StatefulSets pod by pod.
- apiGroups: [apps]
  resources: [statefulsets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Claims: those of StatefulSets grow, those of VMSingles are made as well. None is ever deleted.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list] # list: a claim without a class has the default one
# Selection by namespace labels; events about what happened; whether our CRDs are there.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames:
  - vmagents.operator.victoriametrics.com
  - vmsingles.operator.victoriametrics.com
  - vmclusters.operator.victoriametrics.com
  - vmservicescrapes.operator.victoriametrics.com
  - vmpodscrapes.operator.victoriametrics.com
  - vmprobes.operator.victoriametrics.com
  - vmnodescrapes.operator.victoriametrics.com
  - vmstaticscrapes.operator.victoriametrics.com
  - vmscrapeconfigs.operator.victoriametrics.com
  verbs: [get]
# Only granted on to vmagent, which discovers and scrapes with it.
- apiGroups: [""]
  resources: [endpoints, nodes, nodes/metrics]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io, extensions]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [route.openshift.io, image.openshift.io]
  resources: [routers/metrics, registry/metrics]
  verbs: [get]
- nonResourceURLs: [/metrics, /metrics/resources, /metrics/slis]
  verbs: [get]
{{- end -}}

{{- define "operator.rules.namespace" -}}
# Owners: the finalizer is a patch, the status a patch of its own.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents, vmsingles, vmclusters]
  verbs: [get, list, watch, patch]
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents/status, vmsingles/status, vmclusters/status]
  verbs: [patch]
# Children name their owner as one that waits for them.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents/finalizers, vmsingles/finalizers, vmclusters/finalizers]
  verbs: [update]
# Scrape objects are selected, and told what became of them.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmservicescrapes, vmpodscrapes, vmprobes, vmnodescrapes, vmstaticscrapes, vmscrapeconfigs]
  verbs: [get, list, watch]
- apiGroups: [operator.victoriametrics.com]
  resources:
  - vmservicescrapes/status
  - vmpodscrapes/status
  - vmprobes/status
  - vmnodescrapes/status
  - vmstaticscrapes/status
  - vmscrapeconfigs/status
  verbs: [update]
# An owner is scraped itself through an object of one of these kinds.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmservicescrapes, vmpodscrapes]
  verbs: [create, patch, delete]
# Prometheus objects, where there are such, become scrape objects of the same name.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, podmonitors, probes, scrapeconfigs]
  verbs: [list, watch]
- apiGroups: [operator.victoriametrics.com]
  resources: [vmprobes, vmscrapeconfigs]
  verbs: [create, patch]
# Children. Secrets and ConfigMaps are also read where a VMAgent or scrape object names them.
- apiGroups: [""]
  resources: [secrets, configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch, delete]
# Roll-outs of StatefulSets pod by pod.
- apiGroups: [apps]
  resources: [statefulsets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Claims: those of StatefulSets grow, those of VMSingles are made as well. None is ever deleted.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch]
# Events about what happened.
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
# Only granted on to vmagent, which discovers and scrapes with it.
- apiGroups: [""]
  resources: [endpoints]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io, extensions]
  resources: [ingresses]
  verbs: [get, list, watch]
{{- end -}}

{{- define "operator.rules.view" -}}
- apiGroups: [operator.victoriametrics.com]
  resources:
  - vmagents
  - vmsingles
  - vmclusters
  - vmservicescrapes
  - vmpodscrapes
  - vmprobes
  - vmnodescrapes
  - vmstaticscrapes
  - vmscrapeconfigs
  verbs: [get, list, watch]
{{- end -}}

{{- define "operator.rules.edit" -}}
- apiGroups: [operator.victoriametrics.com]
  resources: [vmservicescrapes, vmpodscrapes, vmprobes, vmnodescrapes, vmstaticscrapes, vmscrapeconfigs]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
# A VMCluster is pods, Services and claims of its own namespace, which its editors may make as well, and grants nothing.
- apiGroups: [operator.victoriametrics.com]
  resources: [vmclusters]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
{{- end -}}

{{- define "operator.rules.vmagents-edit" -}}
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents, vmsingles]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
# kubectl scale: the number of shards
- apiGroups: [operator.victoriametrics.com]
  resources: [vmagents/scale]
  verbs: [get, update, patch]
{{- end -}}

{{- define "operator.rules.vpa" -}}
- apiGroups:
  - autoscaling.k8s.io
  resources:
  - verticalpodautoscalers
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
{{- end -}}

{{- define "operator.networkpolicy" -}}
policyTypes: [Ingress, Egress]
ingress:
# metrics, for pods of namespaces that carry this label
- from:
  - namespaceSelector:
      matchLabels: {metrics: enabled}
  ports:
  - {port: metrics, protocol: TCP}
# probes come from the node, whose address no selector can name
- ports:
  - {port: health, protocol: TCP}
egress:
# DNS
- to:
  - namespaceSelector: {}
  ports:
  - {port: 53, protocol: UDP}
  - {port: 53, protocol: TCP}
# the API server, whose address no selector can name
- ports:
  - {port: 443, protocol: TCP}
  - {port: 6443, protocol: TCP}
{{- end -}}
