package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

/**
 * Sends requests to a hub, and to where it keeps large files. Redirects are followed by hand, for
 * the token goes to the hub alone, and since what the hub says of a large file stands in the
 * redirect to where it is kept.
 */
final class HubConnection implements AutoCloseable {
    static final int MAX_ANSWER_BYTES = 4 << 20;

    private static final int MOST_REDIRECTS = 8;

    private final HubSettings settings;
    private final HttpClient http;

    HubConnection(HubSettings settings) {
        this.settings = settings;
        this.http =
                HttpClient.newBuilder()
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .connectTimeout(settings.patience().silence())
                        .build();
    }

    /** Sends a request to one address. */
    private interface Sender<T> {
        HttpResponse<T> to(URI address) throws IOException;
    }

    URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    /** A request with what all of them say. */
    HttpRequest.Builder request(URI address) {
        return HttpRequest.newBuilder(address)
                .setHeader("User-Agent", "millrace")
                .setHeader("Accept-Encoding", "identity");
    }

    /**
     * Asks, and goes where it is sent.
     *
     * @param suffices says of a redirect that it is the answer
     * @return the answer, whatever its status
     */
    HttpResponse<InputStream> ask(
            HubId id, HttpRequest.Builder request, Predicate<HttpResponse<?>> suffices)
            throws IOException {
        return follow(
                id,
                request.build().uri(),
                address -> {
                    try {
                        return http.send(
                                withToken(request, address),
                                HttpResponse.BodyHandlers.ofInputStream());
                    } catch (InterruptedException e) {
                        throw interrupted(e);
                    }
                },
                suffices,
                _ -> true);
    }

    /**
     * Gives something. What goes to the hub itself goes nowhere else.
     *
     * @param body closed behind it
     * @return the answer, whatever its status
     */
    HttpResponse<byte[]> give(
            HubId id, HttpRequest.Builder request, String method, OutgoingBody body)
            throws IOException {
        URI first = request.build().uri();
        try (body) {
            return follow(
                    id,
                    first,
                    address ->
                            watched(
                                    withToken(
                                            request.copy().method(method, body.publisher()),
                                            address),
                                    body),
                    _ -> false,
                    next -> !isHub(first) || isHub(next));
        }
    }

    private <T> HttpResponse<T> follow(
            HubId id,
            URI first,
            Sender<T> sender,
            Predicate<HttpResponse<?>> suffices,
            Predicate<URI> mayGoTo)
            throws IOException {
        URI asked = first;
        for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
            HttpResponse<T> answer = sender.to(asked);
            if (answer.statusCode() / 100 != 3 || suffices.test(answer)) {
                return answer;
            }
            if (answer.body() instanceof InputStream body) {
                body.close();
            }
            asked = redirected(id, answer, mayGoTo);
        }
        throw bad(id, asked + " redirects without end");
    }

    private HttpRequest withToken(HttpRequest.Builder request, URI address) {
        HttpRequest.Builder sent = request.copy().uri(address);
        if (isHub(address)) {
            settings.token().ifPresent(token -> sent.setHeader("Authorization", "Bearer " + token));
        }
        return sent.build();
    }

    /** A body may take hours: what ends the request is that nothing of it goes out any more. */
    private HttpResponse<byte[]> watched(HttpRequest request, OutgoingBody body)
            throws IOException {
        CompletableFuture<HttpResponse<byte[]>> answer =
                http.sendAsync(
                        request,
                        HttpResponse.BodyHandlers.limiting(
                                HttpResponse.BodyHandlers.ofByteArray(), MAX_ANSWER_BYTES));
        long silenceNs = settings.patience().silence().toNanos();
        try {
            for (long left = silenceNs; left > 0; left = silenceNs - body.silentNs()) {
                try {
                    return answer.get(left, TimeUnit.NANOSECONDS);
                } catch (TimeoutException e) {
                    // something may have gone out meanwhile
                }
            }
            throw new IOException("the connection fell silent");
        } catch (ExecutionException e) {
            throw new IOException(HubModels.fault(e.getCause()), e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        } finally {
            answer.cancel(true);
        }
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new IOException("interrupted", e);
    }

    private URI redirected(HubId id, HttpResponse<?> answer, Predicate<URI> mayGoTo) {
        URI asked = answer.uri();
        try {
            URI next = asked.resolve(new URI(answer.headers().firstValue("Location").orElse("")));
            if (isSafe(asked, next) && !next.equals(asked) && mayGoTo.test(next)) {
                return next;
            }
        } catch (URISyntaxException e) {
            // said below: an address that is none leads nowhere
        }
        throw bad(id, asked + " redirects to what is no safe address");
    }

    /** Whether an address is one of the web, and no step down from an encrypted one. */
    static boolean isSafe(URI from, URI next) {
        boolean web = "https".equals(next.getScheme()) || "http".equals(next.getScheme());
        boolean opened = "https".equals(from.getScheme()) && !"https".equals(next.getScheme());
        return web && !opened && next.getHost() != null;
    }

    private boolean isHub(URI address) {
        URI hub = settings.endpoint();
        return hub.getScheme().equals(address.getScheme())
                && hub.getHost().equals(address.getHost())
                && hub.getPort() == address.getPort();
    }

    /** An answer may be another one in a while; it is then no person's to mend. */
    static void throwIfMayPass(HttpResponse<?> answer) throws IOException {
        int status = answer.statusCode();
        if (status == 408 || status == 429 || status >= 500) {
            throw new IOException(answer.uri() + " answers " + status);
        }
    }

    private static BadInputException bad(HubId id, String what) {
        return new BadInputException(id.toString(), what, "check HF_ENDPOINT");
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
