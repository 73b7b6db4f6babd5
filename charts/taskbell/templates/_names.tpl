{{/* What all objects' names start with. */}}
{{- define "taskbell.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 39 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | replace "." "-" | trunc 39 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* (root, component): what a selector may hold: it can never be changed. */}}
{{- define "taskbell.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . | quote }}
{{- end }}
{{- with .pool }}
taskbell/pool: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "taskbell.labels" -}}
{{- $own := include "taskbell.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" (toString .root.Chart.AppVersion) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version) -}}
{{- toYaml (merge $own .root.Values.commonLabels (dict "app.kubernetes.io/part-of" "taskbell")) -}}
{{- end -}}

{{/* A number as it was written: YAML makes a float of a large one. */}}
{{- define "taskbell.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Resources, less what was set to null. */}}
{{- define "taskbell.resources" -}}
{{- $all := dict -}}
{{- range $kind := list "limits" "requests" -}}
{{- $some := dict -}}
{{- range $name, $amount := get $ $kind -}}
{{- if not (kindIs "invalid" $amount) }}{{ $_ := set $some $name $amount }}{{ end -}}
{{- end -}}
{{- with $some }}{{ $_ := set $all $kind . }}{{ end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* As taskbell.metadata, with `more` labels, by which others find the object. */}}
{{- define "taskbell.monitorMetadata" -}}
{{- $made := include "taskbell.metadata" . | fromYaml -}}
{{- $_ := set $made "labels" (merge $made.labels .more) -}}
{{- toYaml $made -}}
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

{{/* (root, own): adds `values`: what a pool has of its own, over what all pools have. */}}
{{- define "taskbell.mergePool" -}}
{{- $_ := set . "values" (mergeOverwrite (deepCopy (omit .root.Values.worker "pools")) (deepCopy (default dict .own))) -}}
{{- end -}}
