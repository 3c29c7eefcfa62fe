import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Sends a report and waits for what became of it. Java 11 or later, no library:  java SendReport.java FILE */
public class SendReport {
    static final String HUB = System.getenv("HUB"), CLIENT = System.getenv("CLIENT"), SECRET = System.getenv("SECRET");
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static String call(HttpRequest.Builder request) throws Exception {
        var answer = HTTP.send(request.header("Accept-Language", "en").build(), BodyHandlers.ofString());
        if (answer.statusCode() >= 400) throw new IllegalStateException(answer.body());
        return answer.body();
    }

    static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(HUB + path));
    }

    static String field(String json, String name) {
        var found = Pattern.compile("\"" + name + "\":\\s*\"?([^\",}]+)").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    public static void main(String[] args) throws Exception {
        var form = "grant_type=client_credentials&client_id=" + CLIENT + "&client_secret=" + SECRET;
        var token = field(call(to("/v1/token").header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(form))), "access_token");
        var file = Path.of(args[0]);
        var kept = call(to("/v1/reports").header("Authorization", "Bearer " + token)
                .header("Content-Type", "application/octet-stream")
                .header("Idempotency-Key", "report-" + file.getFileName())  // sent twice, it has one effect
                .POST(BodyPublishers.ofFile(file)));
        var state = "received";
        for (var i = 0; state.equals("received") && i < 120; i++) {
            Thread.sleep(1000);
            state = field(call(to(field(kept, "status")).header("Authorization", "Bearer " + token)), "state");
        }
        System.out.println("submission " + field(kept, "submission_id") + ": " + state);
    }
}
