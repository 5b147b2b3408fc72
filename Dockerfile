# Builds the distribution in one image and leaves it alone in another. Written, not built yet: see docs/java.md.
#   docker build -t millrace .
#   docker run --rm -v "$PWD":/data --ulimit memlock=-1 --security-opt seccomp=unconfined millrace self-test --nvme-dir /data/try
FROM eclipse-temurin:25-jdk AS build
WORKDIR /src
COPY . .
RUN ./mvnw -B -q package -pl cli -am -Dmaven.test.skip=true -Dspotless.check.skip=true \
    && config/dist.sh /opt/millrace

FROM debian:stable-slim
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6 libgomp1 ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/millrace /opt/millrace
WORKDIR /data
ENTRYPOINT ["/opt/millrace/bin/millrace"]
