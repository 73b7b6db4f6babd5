{{- define "taskbell.redisConfig" -}}
# Jobs are the data: they are on disk as soon as appendfsync says, and none is evicted for another.
dir /data
appendonly yes
appendfsync {{ .appendfsync }}
save ""
maxmemory-policy noeviction
tcp-keepalive 60
protected-mode no
{{- range $name, $value := .config }}
{{ $name }} {{ eq (toString $value) "" | ternary "\"\"" (include "taskbell.scalar" $value) }}
{{- end }}
{{- end -}}

{{/*
(the root): the password is in no argument and no file, its digest is; maxmemory follows the container's limit.
Former passwords work for a while too: a pod that has not seen the new one yet would lose what it runs.
*/}}
{{- define "taskbell.redisScript" -}}
digests=/data/password-digests
keep() { echo "$1" >$digests.new && mv $digests.new $digests || true; }
digest=$(tr -d '\n' </run/secrets/taskbell/redis-password | sha256sum | cut -d' ' -f1)
former=$(grep -xE '[0-9a-f]{64}' $digests 2>/dev/null | grep -vx "$digest" | tail -n 4 || true)
hashes="#$digest"
for each in $former; do hashes="$hashes #$each"; done
echo "user default reset on $hashes ~* &* +@all" >/tmp/users.conf
if [ -n "$former" ]; then
  keep "$former
$digest"
  (
    sleep {{ include "taskbell.passwordOverlap" . }}
    export REDISCLI_AUTH=$(cat /run/secrets/taskbell/redis-password)
    until redis-cli -e ping; do sleep 1; done
    for each in $former; do redis-cli -e ACL SETUSER default "!$each"; done
    keep "$digest"
  ) >/dev/null &
elif [ "$(cat $digests 2>/dev/null)" != "$digest" ]; then
  keep "$digest"
fi
exec redis-server /etc/redis/redis.conf --include /tmp/users.conf --maxmemory $((MEMORY_LIMIT / 100 * {{ .Values.redis.maxmemoryPercent }}))
{{- end -}}

{{/* Seconds: what was set, or as long as a pod may take to end with the password that it began with. */}}
{{- define "taskbell.passwordOverlap" -}}
{{- $longest := 0 -}}
{{- range $own := .Values.worker.pools -}}
{{- $merged := dict "root" $ "own" $own -}}{{- include "taskbell.mergePool" $merged -}}
{{- $longest = max $longest (int $merged.values.shutdown.seconds) -}}
{{- end -}}
{{- kindIs "invalid" .Values.redis.passwordOverlapSeconds | ternary (add $longest 300) .Values.redis.passwordOverlapSeconds | int -}}
{{- end -}}

{{/* An append-only file may begin with a whole copy: the backup becomes that beginning. */}}
{{- define "taskbell.restoreScript" -}}
if [ -e /data/appendonlydir ]; then echo "There is data already: $FILE was not restored."; exit 0; fi
if [ ! -s "/backups/$FILE" ]; then echo "There is no backup $FILE; there are:"; ls -l /backups; exit 1; fi
rm -rf /data/restored
mkdir /data/restored
cp "/backups/$FILE" /data/restored/appendonly.aof.1.base.rdb
echo "file appendonly.aof.1.base.rdb seq 1 type b" >/data/restored/appendonly.aof.manifest
sync
mv /data/restored /data/appendonlydir
echo "$FILE was restored."
{{- end -}}

{{- define "taskbell.backupScript" -}}
export REDISCLI_AUTH=$(cat /run/secrets/taskbell/redis-password)
until redis-cli -h "$REDIS" ping | grep -q PONG; do sleep 2; done
find /backups -maxdepth 1 -name ".$NAME-*.rdb" -mmin +70 -delete
file=$NAME-$(date -u +%Y%m%d-%H%M%S).rdb
trap 'rm -f "/backups/.$file"' EXIT
redis-cli -h "$REDIS" --rdb "/backups/.$file"
test "$(head -c 5 "/backups/.$file")" = REDIS
sync
mv "/backups/.$file" "/backups/$file"
d='[0-9][0-9]'
ls /backups/"$NAME"-$d$d$d$d-$d$d$d.rdb | head -n -"$KEEP" | xargs -r rm -v
ls -l /backups
{{- end -}}

{{- define "taskbell.backupClaim" -}}
{{- default (printf "%s-redis-backups" (include "taskbell.fullname" .)) .Values.redis.backup.existingClaim -}}
{{- end -}}

{{/* The spec of a volume's claim. */}}
{{- define "taskbell.claim" -}}
accessModes: {{ toJson .accessModes }}
{{- with .storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources: {requests: {storage: {{ .size }}}}
{{- end -}}

{{/* (root, component, pod): the spec of a Job that makes a copy. */}}
{{- define "taskbell.backupJob" -}}
{{- $full := include "taskbell.fullname" .root -}}
{{- $redis := .root.Values.redis -}}
backoffLimit: 3
activeDeadlineSeconds: 3600
template:
  metadata:
    {{- include "taskbell.podMetadata" . | nindent 4 }}
  spec:
    {{- include "taskbell.podHead" . | nindent 4 }}
    restartPolicy: Never
    containers:
      - name: backup
        {{- include "taskbell.image" (dict "image" $redis.image) | nindent 8 }}
        command: [sh, -euc, {{ include "taskbell.backupScript" . | quote }}]
        env:
          - {name: NAME, value: {{ $full | quote }}}
          - {name: REDIS, value: {{ $full }}-redis}
          - {name: KEEP, value: {{ $redis.backup.keep | quote }}}
        resources:
          {{- include "taskbell.resources" $redis.backup.resources | nindent 10 }}
        {{- include "taskbell.containerSecurity" .pod | nindent 8 }}
        volumeMounts:
          - {name: backups, mountPath: /backups}
          - {name: secrets, mountPath: /run/secrets/taskbell, readOnly: true}
    volumes:
      - name: backups
        persistentVolumeClaim: {claimName: {{ include "taskbell.backupClaim" .root }}}
      - name: secrets
        projected:
          defaultMode: 0440
          sources:
            {{- include "taskbell.secretFiles" (dict "root" .root "keys" (list "redis-password")) | trim | nindent 12 }}
{{- end -}}
