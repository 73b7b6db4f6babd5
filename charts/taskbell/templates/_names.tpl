{{/* What all objects' names start with. */}}
{{- define "taskbell.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* (root, component): what a selector may hold: it can never be changed. */}}
{{- define "taskbell.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .pool }}
taskbell/pool: {{ . }}
{{- end }}
{{- end -}}

{{- define "taskbell.labels" -}}
{{ include "taskbell.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: taskbell
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (root, component, name, annotations): the metadata of an object. */}}
{{- define "taskbell.metadata" -}}
name: {{ include "taskbell.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "taskbell.labels" . | nindent 2 }}
{{- with merge (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (image, tag): the reference of an image, and its pull policy. */}}
{{- define "taskbell.image" -}}
{{- $reference := printf "%s:%s" .image.repository (default .tag .image.tag) -}}
{{- with .image.digest }}{{ $reference = printf "%s@%s" $reference . }}{{ end -}}
image: {{ $reference | quote }}
imagePullPolicy: {{ default (contains "@" $reference | ternary "Always" "IfNotPresent") .image.pullPolicy }}
{{- end -}}

{{- define "taskbell.serviceAccount" -}}
{{- default (.Values.serviceAccount.create | ternary (include "taskbell.fullname" .) "default") .Values.serviceAccount.name -}}
{{- end -}}
