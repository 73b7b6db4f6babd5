{{/*
Which secrets there are, each as {file, key, secret}: the file that a container sees, and where it comes from.
An existing Secret wins over a value, and that over one that is generated.
*/}}
{{- define "taskbell.secrets" -}}
{{- $own := include "taskbell.fullname" . -}}
{{- $wanted := list -}}
{{- if .Values.redis.enabled -}}
{{- $wanted = append $wanted (dict "key" "redis-password" "of" .Values.redis.auth "generated" true) -}}
{{- else -}}
{{- $wanted = append $wanted (dict "key" "redis-url" "of" .Values.externalRedis.url) -}}
{{- $wanted = append $wanted (dict "key" "redis-password" "of" .Values.externalRedis.password) -}}
{{- $wanted = append $wanted (dict "key" "sentinel-password" "of" .Values.externalRedis.sentinelPassword) -}}
{{- end -}}
{{- if .Values.flower.enabled -}}
{{- $wanted = append $wanted (dict "key" "flower-auth" "of" .Values.flower.auth "generated" true) -}}
{{- end -}}
{{- if hasKey (include "taskbell.scalingModes" . | fromYaml) "keda" -}}
{{- $wanted = append $wanted (dict "key" "pools-token" "of" .Values.keda.token "generated" true) -}}
{{- end -}}
{{- $wanted = append $wanted (dict "key" "metrics-token" "of" .Values.metrics.token) -}}
{{- $wanted = append $wanted (dict "key" "database-url" "of" .Values.database.url) -}}
{{- $found := dict -}}
{{- range $wanted -}}
{{- if .of.existingSecret -}}
{{- $_ := set $found .key (dict "secret" .of.existingSecret "key" (default .key .of.existingSecretKey)) -}}
{{- else if .of.value -}}
{{- $_ := set $found .key (dict "secret" $own "key" .key "value" .of.value) -}}
{{- else if .generated -}}
{{- $_ := set $found .key (dict "secret" $own "key" .key "generate" true) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* (root, keys): the sources of a volume with those of these secrets that there are, each a file of its name. */}}
{{- define "taskbell.secretFiles" -}}
{{- $secrets := include "taskbell.secrets" .root | fromYaml -}}
{{- range $file := .keys }}
{{- with get $secrets $file }}
- secret:
    name: {{ .secret | quote }}
    items: [{key: {{ .key | quote }}, path: {{ $file }}}]
{{- end }}
{{- end }}
{{- end -}}

{{/* A digest of what secrets say in the values: pods are made anew when it changes. One that was generated never does. */}}
{{- define "taskbell.secretDigest" -}}
{{- $said := dict -}}
{{- range $file, $of := include "taskbell.secrets" .root | fromYaml -}}
{{- if has $file $.keys }}{{ $_ := set $said $file (omit $of "generate") }}{{ end -}}
{{- end -}}
{{- toJson $said | sha256sum | trunc 16 -}}
{{- end -}}
