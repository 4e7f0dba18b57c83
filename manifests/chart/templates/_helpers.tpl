{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Long enough to tell releases apart, short enough for every suffix. */}}
{{- define "operator.fullname" -}}
{{- $name := include "operator.name" . -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $default .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Name, labels and annotations of an object in the release's namespace: (dict "root" $ "name" ... ) and, if any,
     "labels" and "annotations" of its own, "namespace", and "global" for what is in none. */}}
{{- define "operator.metadata" -}}
name: {{ .name }}
{{- if not .global }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- include "operator.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default dict .annotations) .root.Values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "operator.account" -}}
{{- default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "operator.account" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The Go operator's image, which its values file names, is none for us; a mirror of it cannot be guessed from. */}}
{{- define "operator.image" -}}
{{- $image := .Values.image -}}
{{- $isOfGo := eq $image.repository "victoriametrics/operator" -}}
{{- if and (not $isOfGo) (regexMatch "(^|/)victoriametrics/operator$" $image.repository) -}}
{{- fail (printf "image.repository: %s is the Go operator; name your copy of vmagent-operator, or leave it out" $image.repository) -}}
{{- end -}}
{{- $repository := ternary "vmagent-operator" $image.repository $isOfGo -}}
{{- $tag := ternary .Chart.AppVersion (default .Chart.AppVersion $image.tag) $isOfGo -}}
{{- with default .Values.global.image.registry $image.registry -}}{{ . }}/{{- end -}}
{{- $repository }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag -}}
{{- end -}}

{{/* The watched namespaces, separated by commas; nothing for all of them. */}}
{{- define "operator.watched" -}}
{{- tpl (join "," .Values.watchNamespaces) . -}}
{{- end -}}

{{- define "operator.lease" -}}
{{- default "vmagent-operator.victoriametrics.com" (index .Values.extraArgs "leader-elect-id") -}}
{{- end -}}

{{/* The port of an address such as ":8080" in extraArgs, else the default: (dict "root" $ "flag" ... "default" ...) */}}
{{- define "operator.port" -}}
{{- $address := default .default (index .root.Values.extraArgs .flag | toString | trimPrefix "<nil>") -}}
{{- regexFind "[0-9]+$" $address -}}
{{- end -}}

{{/* What of a probe can be chosen. How it asks is the operator's. */}}
{{- define "operator.probe" -}}
{{- pick . "initialDelaySeconds" "periodSeconds" "timeoutSeconds" "failureThreshold" "successThreshold" | toYaml -}}
{{- end -}}

{{/* The environment: a variable that the user names replaces ours. */}}
{{- define "operator.env" -}}
{{- $given := dict -}}
{{- range .Values.env -}}{{- $_ := set $given .name true -}}{{- end -}}
{{- $ours := list
  (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
  (dict "name" "POD_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace")))
-}}
{{- with include "operator.watched" . -}}
{{- $ours = append $ours (dict "name" "WATCH_NAMESPACE" "value" .) -}}
{{- end -}}
{{- with .Values.global.image.registry -}}
{{- $ours = append $ours (dict "name" "VM_CONTAINERREGISTRY" "value" .) -}}
{{- end -}}
{{- if .Values.vpa.enabled -}}
{{- $ours = append $ours (dict "name" "VM_VPA_API_ENABLED" "value" "true") -}}
{{- end -}}
{{- if .Values.operator.disable_prometheus_converter -}}
{{- range list "SERVICESCRAPE" "PODMONITOR" "PROBE" "SCRAPECONFIG" "PROMETHEUSRULE" "ALERTMANAGERCONFIG" -}}
{{- $ours = append $ours (dict "name" (printf "VM_ENABLEDPROMETHEUSCONVERTER_%s" .) "value" "false") -}}
{{- end -}}
{{- end -}}
{{- if .Values.operator.prometheus_converter_add_argocd_ignore_annotations -}}
{{- $ours = append $ours (dict "name" "VM_PROMETHEUSCONVERTERADDARGOCDIGNOREANNOTATIONS" "value" "true") -}}
{{- end -}}
{{- if .Values.operator.enable_converter_ownership -}}
{{- $ours = append $ours (dict "name" "VM_ENABLEDPROMETHEUSCONVERTEROWNERREFERENCES" "value" "true") -}}
{{- end -}}
{{- $all := list -}}
{{- range $ours -}}{{- if not (hasKey $given .name) -}}{{- $all = append $all . -}}{{- end -}}{{- end -}}
{{- range .Values.env -}}
{{- $all = append $all (hasKey . "value" | ternary (dict "name" .name "value" (toString .value)) .) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}
