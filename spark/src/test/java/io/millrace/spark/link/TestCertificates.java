package io.millrace.spark.link;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** An authority, and certificates that it has signed, made by the JDK's keytool. */
final class TestCertificates {
    private static final String PASSWORD = "changeit";

    private final Path folder;

    TestCertificates(Path folder) throws Exception {
        this.folder = Files.createDirectories(folder);
        generate("authority", "-ext", "bc:c");
        certificate("authority", folder.resolve("authority.pem"));
    }

    /** Files of a worker's, for a host name. */
    TlsFiles worker(String alias) throws Exception {
        generate(alias, "-ext", "san=dns:millrace-workers", "-signer", "authority");
        Path key = folder.resolve(alias + ".key");
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve("store.p12"))) {
            store.load(in, PASSWORD.toCharArray());
        }
        byte[] encoded = store.getKey(alias, PASSWORD.toCharArray()).getEncoded();
        Files.writeString(
                key,
                "-----BEGIN PRIVATE KEY-----\n"
                        + Base64.getMimeEncoder().encodeToString(encoded)
                        + "\n-----END PRIVATE KEY-----\n");
        Path certificate = folder.resolve(alias + ".pem");
        certificate(alias, certificate);
        return new TlsFiles(
                certificate, key, folder.resolve("authority.pem"), Optional.of("millrace-workers"));
    }

    private void generate(String alias, String... more) throws Exception {
        List<String> line =
                new ArrayList<>(List.of("-genkeypair", "-alias", alias, "-keyalg", "EC", "-dname"));
        line.add("CN=" + alias);
        line.addAll(List.of(more));
        keytool(line);
    }

    private void certificate(String alias, Path file) throws Exception {
        keytool(List.of("-exportcert", "-rfc", "-alias", alias, "-file", file.toString()));
    }

    private void keytool(List<String> arguments) throws Exception {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        line.addAll(arguments);
        line.addAll(List.of("-keystore", folder.resolve("store.p12").toString()));
        line.addAll(List.of("-storepass", PASSWORD));
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(said);
        }
    }
}
