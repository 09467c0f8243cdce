// Talks to the Key Service as programs for .NET do: WebClient, and the two serializers that its answers
// were written by. Usage: KeyService.exe ADDRESS PUBLIC_KEY_FILE

using System;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.IO;
using System.Net;
using System.Text;
using System.Web.Script.Serialization;
using System.Xml.Serialization;

public class Message {
    public int MessageId { get; set; }
    public string EncryptionKey { get; set; }
    public string MessageData { get; set; }
    public DateTime Created { get; set; }
    public string MessageHash { get; set; }
    public bool IsFile { get; set; }
    public string FileName { get; set; }
    public long Size { get; set; }
    public string TemporaryDownloadId { get; set; }
}

public class BoxKey {
    public int KeyId { get; set; }
    public string KeyToken { get; set; }
    public string PublicKey { get; set; }
    public string PrivateKey { get; set; }
    public string PrivateKeyHash { get; set; }
    public bool IsPrivateKeyEncrypted { get; set; }
    public bool IsPublicKeyOnly { get; set; }
    public DateTime RequestDate { get; set; }
    public DateTime ReleaseDate { get; set; }
    public DateTime? LockDate { get; set; }
    public bool DeleteMessagesAfterReading { get; set; }
    public bool DeleteKeyAfterReading { get; set; }
    public string URI { get; set; }
    [XmlElement("Messages")]
    public List<Message> Messages { get; set; }
}

public static class KeyService {
    static readonly JavaScriptSerializer Json = new JavaScriptSerializer();
    // What the clock of the server under test says.
    static readonly DateTime Now = new DateTime(2026, 11, 22, 12, 0, 0, DateTimeKind.Utc);
    static string address;
    static int checks;

    public static int Main(string[] arguments) {
        address = arguments[0] + "/Service/";
        string publicKey = File.ReadAllText(arguments[1]);
        Visit(publicKey, "json", new NameValueCollection());
        Visit(publicKey, "xml", new NameValueCollection());
        var terms = new NameValueCollection {
            { "releasedate", "2020-01-02T03:04:05Z" }, { "lockdate", "2099-12-31" },
            { "deletemessagesafterreading", "true" }, { "v", "1.0" },
        };
        Visit(publicKey, "json", terms);
        Visit(publicKey, "xml", terms);
        Console.WriteLine("{0} checks", checks);
        return 0;
    }

    static void Visit(string publicKey, string format, NameValueCollection terms) {
        var upload = new NameValueCollection(terms) {
            { "PublicKey", publicKey }, { "PrivateKeyHash", "a hash" }, { "format", format },
        };
        var key = Send<BoxKey>("POST", upload, format);
        Check(key.KeyId > 0, "KeyId");
        Check(key.KeyToken.Length == 31, "KeyToken");
        Check(key.PublicKey.Trim() == publicKey.Trim(), "PublicKey");
        Check(key.PrivateKeyHash == "a hash" && key.PrivateKey == null, "the private key");
        Check(key.IsPublicKeyOnly && !key.IsPrivateKeyEncrypted, "the kind of key");
        Check(key.URI.EndsWith("#" + key.KeyToken), "URI");
        Check(key.Messages == null || key.Messages.Count == 0, "Messages");
        DateTime requested = key.RequestDate.ToUniversalTime();
        Check(requested == Now, "RequestDate " + requested);
        bool hasTerms = terms.Count > 0;
        DateTime released = key.ReleaseDate.ToUniversalTime();
        DateTime expected = new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        Check(hasTerms ? released == expected : released == requested, "ReleaseDate " + released);
        Check(key.LockDate.HasValue == hasTerms, "LockDate");
        Check(!hasTerms || key.LockDate.Value.ToUniversalTime().Year == 2099, "LockDate's year");
        Check(key.DeleteMessagesAfterReading == hasTerms, "DeleteMessagesAfterReading");

        var message = new NameValueCollection {
            { "token", key.KeyToken }, { "encryptedmessage", "<a> & \u00e5\r\n" },
            { "encryptionkey", "k==" }, { "format", format },
        };
        Check(Send<bool>("PUT", message, format), "true");

        var messages = List(key.KeyToken, format);
        Check(messages.Count == 1, "one message");
        Check(messages[0].MessageId == 1 && !messages[0].IsFile, "the message");
        Check(messages[0].MessageData == "<a> & \u00e5\r\n", "its data");
        Check(messages[0].EncryptionKey == "k==", "its key");
        Check(messages[0].Created.ToUniversalTime() == Now, "Created " + messages[0].Created);

        var wrong = new NameValueCollection { { "token", "x" }, { "message", "m" }, { "format", format } };
        Check(Refused("PUT", "", wrong, format, 400) == "There is no key with this token", "no box");
        Check(Refused("PUT", "nothing", wrong, format, 404) == "Not found", "no address");
        var deleted = new NameValueCollection {
            { "token", key.KeyToken }, { "privatekeyhash", "a hash" }, { "format", format },
        };
        Check(Send<string>("DELETE", deleted, format) == "Deleted.", "Deleted.");
    }

    static T Send<T>(string method, NameValueCollection values, string format) {
        using (var client = new WebClient()) {
            byte[] answer = client.UploadValues(address, method, values);
            CheckType(client.ResponseHeaders, format);
            return Read<T>(answer, format);
        }
    }

    static List<Message> List(string token, string format) {
        using (var client = new WebClient()) {
            client.Headers.Add("token", token);
            client.Headers.Add("privatekeyhash", "a hash");
            client.Headers.Add("Accept", format == "xml" ? "application/xml" : "*/*");
            byte[] answer = client.DownloadData(address);
            CheckType(client.ResponseHeaders, format);
            return Read<List<Message>>(answer, format);
        }
    }

    static string Refused(string method, string path, NameValueCollection values, string format, int status) {
        try {
            using (var client = new WebClient()) {
                // In the address: no body is read where there is nothing.
                client.UploadValues(address + path + "?format=" + format, method, values);
            }
        } catch (WebException error) {
            var response = (HttpWebResponse)error.Response;
            Check((int)response.StatusCode == status, "status " + (int)response.StatusCode);
            CheckType(response.Headers, format);
            var body = new MemoryStream();
            response.GetResponseStream().CopyTo(body);
            return Read<string>(body.ToArray(), format);
        }
        throw new Exception(method + " " + path + " was not refused");
    }

    static void CheckType(WebHeaderCollection headers, string format) {
        string expected = format == "xml" ? "text/xml; charset=utf-8" : "application/json";
        Check(headers["Content-Type"] == expected, headers["Content-Type"]);
    }

    static T Read<T>(byte[] answer, string format) {
        if (format == "json") return Json.Deserialize<T>(Encoding.UTF8.GetString(answer));
        var serializer = new XmlSerializer(typeof(T), new XmlRootAttribute("response"));
        serializer.UnknownNode += (sender, node) => {
            // xsi:nil is told of, too.
            if (node.NamespaceURI == "") throw new Exception("nothing to read " + node.Name + " into");
        };
        return (T)serializer.Deserialize(new MemoryStream(answer));
    }

    static void Check(bool holds, string what) {
        checks++;
        if (!holds) throw new Exception("wrong: " + what);
    }
}
