{{/* Where the platform's processes find Redis, the database and their settings. No secret is in it. */}}
{{- define "taskbell.env" -}}
{{- $secrets := include "taskbell.secrets" .root | fromYaml -}}
{{- $seen := .secrets -}}
{{- if .root.Values.redis.enabled }}
- {name: REDIS_URL, value: "redis://{{ include "taskbell.fullname" .root }}-redis:6379/0"}
{{- end }}
{{- range $file, $name := dict "redis-url" "REDIS_URL_FILE" "redis-password" "REDIS_PASSWORD_FILE" "sentinel-password" "REDIS_SENTINEL_PASSWORD_FILE" "database-url" "DATABASE_URL_FILE" "pools-token" "JOBS_POOLS_TOKEN_FILE" "metrics-token" "JOBS_METRICS_TOKEN_FILE" }}
{{- if and (hasKey $secrets $file) (has $file $seen) }}
- {name: {{ $name }}, value: /run/secrets/taskbell/{{ $file }}}
{{- end }}
{{- end }}
{{- if .root.Values.externalRedis.caSecret }}
- {name: REDIS_CA_FILE, value: /run/secrets/redis-ca/ca.crt}
{{- end }}
{{- if not (and (hasKey $secrets "database-url") (has "database-url" $seen)) }}
- {name: DATABASE_URL, value: none}
{{- end }}
- {name: LOG_LEVEL, value: {{ .root.Values.config.logLevel }}}
- {name: LOG_FORMAT, value: {{ .root.Values.config.logFormat }}}
{{- if include "taskbell.isTraced" . }}
{{- with .root.Values.tracing }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .endpoint | quote }}}
- {name: OTEL_SERVICE_NAME, value: {{ printf "%s-%s" (include "taskbell.fullname" $.root) $.component | quote }}}
{{- if ne (float64 .sampleRatio) 1.0 }}
- {name: OTEL_TRACES_SAMPLER, value: parentbased_traceidratio}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ include "taskbell.scalar" .sampleRatio | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- with .root.Values.config.queues }}
- {name: JOBS_QUEUES, value: {{ toJson . | quote }}}
{{- end }}
{{- if has .component (list "api" "metrics" "metrics-adapter") }}
- {name: JOBS_POOLS, value: {{ include "taskbell.pools" .root | quote }}}
{{- end }}
{{- range $name, $value := .root.Values.config.jobs }}
- {name: JOBS_{{ $name }}, value: {{ include "taskbell.scalar" $value | quote }}}
{{- end }}
{{- end -}}

{{/* Whether a component sends traces. */}}
{{- define "taskbell.isTraced" -}}
{{- if and .root.Values.tracing.endpoint (has .component (list "api" "worker")) }}yes{{ end -}}
{{- end -}}

{{/* The egress that traces need: what is told, or the port of the collector's address. */}}
{{- define "taskbell.tracingEgress" -}}
{{- with .Values.tracing -}}
{{- $port := regexFind ":[0-9]+$" (urlParse .endpoint).host | trimPrefix ":" | default (ternary "443" "80" (hasPrefix "https:" .endpoint)) -}}
{{- toJson (.endpoint | empty | ternary list (.egress | default (list (dict "ports" (list (dict "port" (int $port))))))) -}}
{{- end -}}
{{- end -}}

{{/* The pools of workers, as JOBS_POOLS has them. */}}
{{- define "taskbell.pools" -}}
{{- $pools := dict -}}
{{- range $pool, $own := .Values.worker.pools -}}
{{- $merged := dict "root" $ "own" $own -}}{{- include "taskbell.mergePool" $merged -}}
{{- $_ := set $pools $pool (dict "queues" $merged.values.queues "objective_seconds" $merged.values.objectiveSeconds) -}}
{{- end -}}
{{- toJson $pools -}}
{{- end -}}

{{/*
A pod of the platform's image, whole: metadata and spec.
root, component, pool: whose pod it is. values: its resources and `pod`; pods: more than one level of that. name, command, env, ports, probes (YAML),
lifecycle: its main container. shareProcesses: whether one process 1 is for all. grace: seconds that it has to end. secrets: the files that it sees.
account: a ServiceAccount of its own, whose token it has. certificate: a Secret with one, of its own.
waits: whether it waits for the migrations. restart: its restartPolicy. extraContainers are the values' own.
*/}}
{{- define "taskbell.appPod" -}}
{{- $pod := include "taskbell.podValues" (dict "levels" (concat (list .root.Values.pod) (default (list .values.pod) .pods))) | fromYaml -}}
{{- $env := include "taskbell.named" (dict "lists" (list (include "taskbell.env" . | fromYamlArray) (default list .env) $pod.env)) -}}
{{- $secrets := include "taskbell.secrets" .root | fromYaml -}}
{{- $digest := include "taskbell.secretDigest" (dict "root" .root "keys" .secrets) -}}
{{- $scope := dict "root" .root "component" .component "pool" .pool "pod" $pod "account" .account "annotations" (dict "taskbell/secrets" $digest) -}}
metadata:
  {{- include "taskbell.podMetadata" $scope | nindent 2 }}
spec:
  {{- include "taskbell.podHead" $scope | nindent 2 }}
  {{- with .shareProcesses }}
  # Whatever a task leaves behind is reaped, which a worker that is process 1 would not do.
  shareProcessNamespace: true
  {{- end }}
  {{- with .restart }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with .grace }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- $mounts := list (dict "name" "tmp" "mountPath" "/tmp") (dict "name" "secrets" "mountPath" "/run/secrets/taskbell" "readOnly" true) -}}
  {{- if .account -}}
  {{- $mounts = append $mounts (dict "name" "account" "mountPath" "/var/run/secrets/kubernetes.io/serviceaccount" "readOnly" true) -}}
  {{- end -}}
  {{- if .certificate -}}
  {{- $mounts = append $mounts (dict "name" "certificate" "mountPath" "/run/secrets/certificate" "readOnly" true) -}}
  {{- end -}}
  {{- if .root.Values.externalRedis.caSecret -}}
  {{- $mounts = append $mounts (dict "name" "redis-ca" "mountPath" "/run/secrets/redis-ca" "readOnly" true) -}}
  {{- end -}}
  {{- $mounts = concat $mounts $pod.volumeMounts -}}
  {{- $waits := and .waits (hasKey $secrets "database-url") -}}
  {{- if or $waits $pod.initContainers }}
  initContainers:
    {{- if $waits }}
    - name: wait-for-migrations
      {{- include "taskbell.image" (dict "image" .root.Values.image "tag" .root.Chart.AppVersion) | nindent 6 }}
      command: [sh, -c, "until python3 manage.py migrate --check; do sleep 2; done"]
      env:
        {{- $env | nindent 8 }}
      {{- with $pod.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- include "taskbell.resources" .root.Values.migrations.resources | nindent 8 }}
      {{- include "taskbell.containerSecurity" $pod | nindent 6 }}
      volumeMounts:
        {{- toYaml $mounts | nindent 8 }}
    {{- end }}
    {{- with $pod.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .name }}
      {{- include "taskbell.image" (dict "image" .root.Values.image "tag" .root.Chart.AppVersion) | nindent 6 }}
      command: {{ toJson .command }}
      env:
        {{- $env | nindent 8 }}
      {{- with $pod.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .ports }}
      ports:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .probes }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- include "taskbell.resources" .values.resources | nindent 8 }}
      {{- include "taskbell.containerSecurity" $pod | nindent 6 }}
      volumeMounts:
        {{- toYaml $mounts | nindent 8 }}
    {{- with (eq (default "" .restart) "Never" | ternary list $pod.containers) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- with .account }}
    - name: account
      projected:
        defaultMode: 0440
        sources:
          - serviceAccountToken: {path: token, expirationSeconds: 3607}
          - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
          - downwardAPI: {items: [{path: namespace, fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}]}
    {{- end }}
    {{- with .certificate }}
    - name: certificate
      secret: {secretName: {{ . | quote }}, defaultMode: 0440}
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 512Mi}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- include "taskbell.secretFiles" (dict "root" .root "keys" .secrets) | default "[]" | trim | nindent 10 }}
    {{- with .root.Values.externalRedis.caSecret }}
    - name: redis-ca
      secret: {secretName: {{ . | quote }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
    {{- end }}
    {{- with $pod.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Those that the metrics adapter and the controller see. */}}
{{- define "taskbell.redisSecrets" -}}
["redis-url", "redis-password", "sentinel-password"]
{{- end -}}

{{/* The secrets that API, workers and migrations see. */}}
{{- define "taskbell.appSecrets" -}}
["redis-url", "redis-password", "sentinel-password", "database-url"]
{{- end -}}

{{/* (port, scheme): the probes of what answers on /livez and /readyz. */}}
{{- define "taskbell.httpProbes" -}}
{{- $where := printf "port: %s%s" .port (ternary (printf ", scheme: %s" .scheme) "" (not (empty .scheme))) -}}
startupProbe:
  httpGet: {path: /livez, {{ $where }}}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, {{ $where }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, {{ $where }}}
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
{{- end -}}
